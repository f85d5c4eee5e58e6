"""How far it got: each measure once, with its formula. The only package that reads the value oracle."""
