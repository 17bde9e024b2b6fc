"""The terminal's side of Textual, made to survive bytes that are no text."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver


class PatientDriver(LinuxDriver):
    """Leaves out what was pasted or typed together with bytes that are no UTF-8, instead of ending the app."""

    def run_input_thread(self) -> None:
        """Read until the app ends."""
        while not self.exit_event.is_set():
            try:
                super().run_input_thread()
            except UnicodeDecodeError:
                continue
