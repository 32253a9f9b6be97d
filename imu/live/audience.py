"""What is heard of a recording, for all who look on: the board that they share, and all of it for each who wants it."""

from imu.live.board import Board
from imu.live.player import Heard
from imu.live.subscribers import Subscribers


class Audience(Subscribers[Heard]):
    """Tell it what is heard."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board()

    def tell(self, one: Heard) -> None:
        """Something was heard; never waits."""
        if one.rows is not None and len(one.rows):
            self.board.reached(int(one.rows.t_ns.max()))
        self.board.hear(one.events)
        super().tell(one)
