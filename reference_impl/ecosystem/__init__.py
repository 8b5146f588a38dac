"""What the data of one party do for the service of another, with consent."""
