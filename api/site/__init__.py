"""What the pages of `web/` ask for beside the contracts: about the installation, and what can be booked when."""
