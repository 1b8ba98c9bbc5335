"""Time and joules of work, by hand; and tables within what is published or recalled."""

from __future__ import annotations

import pytest

from collegium.devices.links import LINKS, OF_NETWORKS
from collegium.devices.machines import MACHINES, Machine
from collegium.devices.work import (
    Work,
    co2e,
    joules,
    mined_hashes,
    mining_watts,
    seconds,
    tail_joules,
)

SERVER = MACHINES["hospital_server"]


def test_work_takes_time_by_rate_bandwidth_and_turns() -> None:
    work = Work(4e10, down=1_000_000, up=500_000, operations={"signature": 2, "masked_byte": 1e6})
    found = seconds(work, SERVER, 12e6, 0.03)
    assert found.compute == 4e10 / 2e10
    assert found.transfer == pytest.approx(1.0 + 4 * 0.03), "asked and answered, sent and heard"
    assert found.crypto == pytest.approx(2 * 6e-5 + 1e6 * 7e-10)


def test_what_is_only_sent_takes_one_turn_and_no_bytes_take_none() -> None:
    assert seconds(Work(up=150_000), SERVER, 12e6, 0.03).transfer == pytest.approx(0.1 + 0.06)
    assert seconds(Work(), SERVER, 12e6, 0.03).transfer == 0


def test_joules_are_kappa_bytes_and_a_core() -> None:
    work = Work(4e10, down=1_000_000, up=500_000, operations={"verification": 100})
    found = joules(work, SERVER, LINKS["lte"])
    assert found.compute == pytest.approx(2 * 35), "two seconds of 65 W instead of 30 W"
    assert found.transfer == pytest.approx(0.93 + 2.8)
    assert found.crypto == pytest.approx(0.01 * 9)


def test_a_slow_core_takes_longer_for_cryptography() -> None:
    pi = MACHINES["raspberry_pi_4"]
    found = seconds(Work(operations={"signature": 1}), pi, 1e6, 0)
    assert found.crypto == pytest.approx(6e-5 * 4)


def test_work_adds_up() -> None:
    both = Work(1, 2, 3, {"signature": 1}) + Work(10, 20, 30, {"signature": 1, "agreement": 4})
    assert both == Work(11, 22, 33, {"signature": 2, "agreement": 4})


def test_a_radio_is_awake_for_its_tail_and_never_longer_than_it_was_there() -> None:
    lte = LINKS["lte"]
    assert tail_joules(1, 1, 100.0, lte) == pytest.approx(11.6 * 1.06 + 0.31)
    assert tail_joules(50, 2, 100.0, lte) == pytest.approx(200 * 1.06 + 50 * 0.31)
    assert tail_joules(50, 2, 100.0, LINKS["internet"]) == 0


def test_a_small_model_over_lte_takes_a_third_of_a_watchs_battery() -> None:
    """100,000 float32 parameters, 100 rounds: 400 kB up and a tail each (about 1.5 kJ)."""
    link, battery = LINKS["lte"], MACHINES["smartwatch"].battery
    sent = joules(Work(up=400_000), MACHINES["smartwatch"], link).transfer
    spent = 100 * (sent + tail_joules(1, 1, 3600.0, link))
    assert spent == pytest.approx(1.5e3, rel=0.05)
    assert battery is not None
    assert spent / battery == pytest.approx(0.36, abs=0.02)


def test_who_mines_draws_all_cores_and_a_hash_takes_about_5_microjoules() -> None:
    assert mining_watts(SERVER) == 35, "never more than what a busy machine draws"
    assert mining_watts(SERVER) / mined_hashes(SERVER, 1.0) == pytest.approx(5e-6, rel=0.2)


def test_carbon_is_by_the_kilowatt_hour() -> None:
    assert co2e(3.6e6, 436.0) == 436.0


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("wearable", 7e-10, 9e-10),
        ("smartwatch", 1e-10, 3e-10),
        ("phone", 2e-11, 2e-10),
        ("raspberry_pi_4", 9e-10, 1.3e-9),
        ("jetson_nano", 0.9e-10, 1.1e-10),
        ("hospital_gpu", 2e-12, 5e-12),
    ],
)
def test_machines_take_what_is_recalled_of_their_class(
    name: str, least: float, most: float
) -> None:
    assert least <= MACHINES[name].whole_joules_a_flop <= most


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())
def test_a_busy_core_is_part_of_a_busy_machine(machine: Machine) -> None:
    assert 0 < machine.core <= machine.busy
    assert machine.idle < machine.busy
    assert machine.source


def test_radios_take_what_their_power_models_say() -> None:
    """Huang et al. 2012: (alpha Mb/s + beta) milliwatts at a rate, over its bytes a second."""

    def a_byte(alpha: float, beta: float, rate: float) -> float:
        return (alpha * rate + beta) / 1e3 / (rate * 1e6 / 8)

    assert LINKS["wifi"].up == pytest.approx(a_byte(283.17, 132.86, 10), rel=0.02)
    assert LINKS["wifi"].down == pytest.approx(a_byte(137.01, 132.86, 20), rel=0.02)
    assert LINKS["lte"].up == pytest.approx(a_byte(438.39, 1288, 5), rel=0.02)
    assert LINKS["lte"].down == pytest.approx(a_byte(51.97, 1288, 20), rel=0.02)


def test_a_byte_on_the_internet_takes_what_was_measured_and_halved() -> None:
    both = LINKS["internet"].up + LINKS["internet"].down
    assert both == pytest.approx(0.06 * 3.6e6 / 1e9 / 2**5, rel=0.02)
    assert set(OF_NETWORKS.values()) <= set(LINKS)
