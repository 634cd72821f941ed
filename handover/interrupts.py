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
    try:
        yield
    except Exception:
        if heard.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.set_wakeup_fd(before)
        mouth.close()  # the listener comes to its end
        listener.join()
        ear.close()


def _listen(
    ear: socket.socket, stop: Callable[[], object], heard: threading.Event
) -> None:
    while signals := ear.recv(64):
        if signal.SIGINT in signals:
            heard.set()
            stop()
