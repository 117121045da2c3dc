"""An upstream as fast as Python allows: one fixed answer of the OpenAI wire; it is never what is measured."""

import asyncio
import json

import uvloop

ANSWER = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "tiny-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Orders stay where they are. " * 12},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 170, "completion_tokens": 72, "total_tokens": 242},
    }
).encode()
WHOLE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
) + ANSWER


class Quick(asyncio.Protocol):
    """Answers each request once its body is whole; reads nothing of it but its length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            lower = head.lower()
            at = lower.find(b"content-length:")
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.transport.write(WHOLE)  # type: ignore[attr-defined]


async def main() -> None:
    """Serves until it is stopped, having printed its base URL."""
    server = await asyncio.get_running_loop().create_server(Quick, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
