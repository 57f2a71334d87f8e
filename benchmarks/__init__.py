"""Measurements that one command repeats; nothing imports them."""
