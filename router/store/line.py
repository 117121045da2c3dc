"""A connection that scripts travel on: many sent in one piece, their replies read in order."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from hiredis import pack_command
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import ConnectionError, ResponseError  # noqa: A004 - the library's own name for it

Reply = Any
Command = tuple[str | int | bytes, ...]
_pack = cast("Callable[[Command], bytes]", pack_command)  # declared for one word only


class Line:
    """One connection of the pool's making, kept for scripts.

    The client's pipeline does the same at twice the cost, which here is a tenth of a completion's.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._connection: Any = cast("Any", pool).make_connection()  # the library has no types for it

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Sends commands and reads a reply for each; an error reply is answered, not raised.

        Raises:
            RedisError: no connection, or it broke; one that was open before is opened and asked
                once more, which all of the commands must stand.
        """
        was_open = self._connection.is_connected
        try:
            return await self._once(commands)
        except ConnectionError:
            if not was_open:
                raise
            return await self._once(commands)

    async def exchange_once(self, commands: Sequence[Command]) -> list[Reply]:
        """As `exchange`, for commands that may not be sent twice.

        Raises:
            RedisError: no connection, or it broke: whether they ran is not known.
        """
        if self._connection.is_connected:  # it may have been closed while it was idle
            await self.exchange([("PING",)])
        return await self._once(commands)

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._connection.disconnect(nowait=True)

    async def _once(self, commands: Sequence[Command]) -> list[Reply]:
        packed = b"".join([_pack(command) for command in commands])
        connection = self._connection
        try:
            await connection.connect()
            await connection.send_packed_command(packed, check_health=False)
            return [await self._reply() for _ in commands]
        except BaseException:  # half-read replies must not be taken for the next batch's
            await connection.disconnect(nowait=True)
            raise

    async def _reply(self) -> Reply:
        try:
            return await self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return error
