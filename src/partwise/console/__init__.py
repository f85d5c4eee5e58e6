"""The web console: people judge items, decide on plans and watch runs, in a browser and without a network."""
