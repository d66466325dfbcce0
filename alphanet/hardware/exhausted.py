"""Errors that say that memory is used up; libraries have many words for it, and few an exception of its own."""

WORDS = (
    "out of memory",  # torch on every kind of device, its AOTI, JAX
    "out_of_memory",  # the drivers' own codes
    "oom when allocating",
    "allocate memory",  # torch on a CPU, the operating system
    "unable to allocate",  # numpy
    "not enough memory",
    "failed to allocate",  # Warp
    "bad_alloc",  # C++
    "bad allocation",
    "alloc_failed",  # cuBLAS
    "erroralloc",
    "resource_exhausted",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that caused it, says that memory is used up."""
    cause: BaseException | None = error
    while cause is not None:
        text = str(cause).lower()
        if isinstance(cause, MemoryError) or any(words in text for words in WORDS):
            return True
        cause = cause.__cause__
    return False
