"""Who may come in: the Host and Origin rules, and the logins."""
