"""Any model behind a socket, for i-PI and for whatever speaks its protocol."""

import secrets
import threading

import numpy as np
from ase.calculators.socketio import SocketClient, SocketIOCalculator
from moving_atoms import Springs, crystal

from alphanet import open_potential
from alphanet.potentials.ase_calculator import PotentialCalculator


def test_a_model_behind_a_unix_socket_gives_what_it_gives_here():
    name = f"alphanet-{secrets.token_hex(4)}"  # the socket is /tmp/ipi_NAME
    away = crystal()
    away.calc = PotentialCalculator(open_potential("moving_atoms:springs"))
    here = crystal()
    with SocketIOCalculator(unixsocket=name, timeout=30) as server:
        client = SocketClient(unixsocket=name, timeout=30)
        thread = threading.Thread(target=client.run, args=(away,), kwargs={"use_stress": True}, daemon=True)
        thread.start()
        here.calc = server
        for _ in range(3):
            direct = here.copy()
            direct.calc = Springs()
            np.testing.assert_allclose(here.get_potential_energy(), direct.get_potential_energy(), rtol=1e-14)
            np.testing.assert_allclose(here.get_forces(), direct.get_forces(), atol=1e-13)
            np.testing.assert_allclose(here.get_stress(), direct.get_stress(), atol=1e-13)
            here.rattle(0.1)
    thread.join(30)
    assert not thread.is_alive()
