"""Somebody's own level of a vital sign, and the day it changed."""
