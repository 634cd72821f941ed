"""Ctrl-C while a library works: the library is stopped, not waited for.

Python raises ``KeyboardInterrupt`` only when it is its turn again, and a query may take
minutes until then. The system's signal is heard at once all the same, by whoever reads
the descriptor that ``signal.set_wakeup_fd`` names.
"""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interruptible(stop: Callable[[], object]) -> Iterator[None]:
    """Call ``stop`` as soon as somebody interrupts the work inside.

    Outside the main thread nothing is heard, and the work ends with the main thread's.

    Raises:
        KeyboardInterrupt: the work was stopped, whatever it raised for that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = threading.Event()
    ear, mouth = socket.socketpair()
    mouth.settimeout(0)
    before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    listener = threading.Thread(target=_listen, args=(ear, stop, heard), daemon=True)
    listener.start()

    def hear_to_the_end() -> None:
        """Let the listener take in what was signalled, and end."""
        signal.set_wakeup_fd(before)
        mouth.close()
        listener.join()
        ear.close()

    try:
        yield
    except Exception:
        # The library may notice the signal, and end its work, before the listener does.
        hear_to_the_end()
        if heard.is_set():
            raise KeyboardInterrupt from None
        raise
    except BaseException:
        hear_to_the_end()
        raise
    hear_to_the_end()


def _listen(
    ear: socket.socket, stop: Callable[[], object], heard: threading.Event
) -> None:
    while signals := ear.recv(64):
        if signal.SIGINT in signals:
            heard.set()
            stop()
