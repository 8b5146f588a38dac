"""What is owed for it: meters, pricings, invoices, settlement between parties."""
