"""What is told of a run: console, HTML, JUnit, JSON lines; one handler file each."""
