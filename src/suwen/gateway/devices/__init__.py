"""Exports of devices and apps in: each format a file, all of them giving samples one by one."""
