"""Where personal data lies, and how it is exported, erased or anonymised."""
