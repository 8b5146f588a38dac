"""Who and what there is: customers, sites, models, things."""
