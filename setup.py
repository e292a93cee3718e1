"""The packages of the distribution: all rooms as found on disk, and ``assets/``, installed as ``parley_assets``."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["studio*", "generation*", "masks*"]), "parley_assets"])
