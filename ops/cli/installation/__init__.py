"""Commands that change the row of the installation, which every process reads."""
