"""Does RL post-training teach a language model something new, or only sharpen what it found likely?"""

__version__ = "0.1.0"
