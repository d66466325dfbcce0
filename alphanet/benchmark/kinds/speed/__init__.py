"""Speed: time and memory of calls against the number of atoms. One task is a sweep."""

from alphanet.benchmark.kinds.speed.card import SpeedCard, speed_card

__all__ = ["SpeedCard", "speed_card"]
