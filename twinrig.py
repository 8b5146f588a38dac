"""``python -m twinrig`` does what the command ``twinrig`` does."""

from harness.cli.main import main

if __name__ == "__main__":
    main()
