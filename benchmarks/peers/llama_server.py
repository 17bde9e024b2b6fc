"""llama.cpp's own server with one base and an adapter per request; the program is built by whoever measures."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import Prompts, Round

HOST = "127.0.0.1"


class LlamaServer:
    """One server process, one slot per column."""

    def __init__(
        self, program: Path, base: Path, adapters: Sequence[Path | None], context_tokens: int, threads: int, port: int
    ) -> None:
        self._files = sorted({adapter for adapter in adapters if adapter})
        self._adapters = adapters
        self._port = port
        slots = len(adapters)
        lora = ["--lora", ",".join(map(str, self._files)), "--lora-init-without-apply"] if self._files else []
        self._process = subprocess.Popen(
            [str(program), "-m", str(base), "-np", str(slots), "-c", str(slots * context_tokens), "-t", str(threads),
             "--host", HOST, "--port", str(port), "--no-webui", *lora],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait()

    def ask(self, prompts: Prompts, tokens: int, seed: int) -> Round:
        """Send all requests at once, streaming."""
        counts: list[int] = []
        first: list[float] = []
        began = time.perf_counter()
        workers = [
            threading.Thread(target=self._answer, args=(place, messages, tokens, seed, began, counts, first))
            for place, messages in enumerate(prompts)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(counts) == len(prompts), "a request failed"
        return Round(sum(counts), time.perf_counter() - began, tuple(first))

    def pids(self) -> list[int]:
        """Return the server's process."""
        return [self._process.pid]

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.wait()

    def _answer(
        self,
        place: int,
        messages: Sequence[object],
        tokens: int,
        seed: int,
        began: float,
        counts: list[int],
        first: list[float],
    ) -> None:
        adapter = self._adapters[place]
        lora = [{"id": number, "scale": float(file == adapter)} for number, file in enumerate(self._files)]
        body = {
            "messages": [{"role": message.role, "content": message.text} for message in messages],  # type: ignore[attr-defined]
            "max_tokens": tokens, "seed": seed, "temperature": 1.0, "top_k": 40, "top_p": 0.95, "min_p": 0.05,
            "repeat_penalty": 1.1, "stream": True, "stream_options": {"include_usage": True}, "id_slot": place,
        }  # fmt: skip
        if lora:
            body["lora"] = lora
        connection = http.client.HTTPConnection(HOST, self._port, timeout=600)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        heard = None
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            piece = json.loads(line[6:])
            if heard is None and any(choice["delta"].get("content") for choice in piece["choices"]):
                heard = time.perf_counter() - began
            if piece.get("usage"):
                counts.append(piece["usage"]["completion_tokens"])
        first.append(heard if heard is not None else time.perf_counter() - began)
        connection.close()

    def _wait(self) -> None:
        for _ in range(600):
            try:
                connection = http.client.HTTPConnection(HOST, self._port, timeout=2)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            assert self._process.poll() is None, "llama-server ended while it was starting"
            time.sleep(0.1)
        raise AssertionError("llama-server did not start within a minute")
