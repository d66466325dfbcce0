"""The physics audit: whether a potential obeys what every energy surface obeys."""
