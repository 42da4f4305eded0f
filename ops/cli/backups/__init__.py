"""`holdfast backup` and `holdfast restore`, and what both need."""
