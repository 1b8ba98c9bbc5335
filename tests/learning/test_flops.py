"""Operations of one row on its way forward, by hand and layer by layer."""

from __future__ import annotations

from collegium.learning.models import ModelSpec, forward_flops
from collegium.learning.networks.autoencoder import Autoencoder
from collegium.learning.networks.convolution import Convolutional
from collegium.learning.networks.unet import UNet


def test_a_chain_of_layers_has_two_a_weight() -> None:
    assert forward_flops(ModelSpec((13, 16, 1), "logistic", 0.0)) == 2 * (13 * 16 + 16)


def test_an_autoencoder_goes_there_and_back() -> None:
    assert Autoencoder(10, (4, 2, 4)).flops == 2 * (10 * 4 + 4 * 2 + 2 * 4 + 4 * 10)


def test_a_convolution_has_a_window_for_each_place() -> None:
    network = Convolutional((1, 8, 8), (4, 6), 3, (5,), 2)
    first, second = 9 * 1 * 4 * 64, 9 * 4 * 6 * 16
    assert network.flops == 2 * (first + second + 6 * 5 + 5 * 2)
    assert forward_flops(ModelSpec((64, 2), "multinomial", 0.0, network=network)) == network.flops


def test_signals_have_windows_of_one_length() -> None:
    assert Convolutional((3, 20), (4,), 5, (), 6).flops == 2 * (5 * 3 * 4 * 20 + 4 * 6)


def test_a_unet_has_skips_on_its_way_up() -> None:
    down = 9 * 1 * 4 * 256 + 9 * 4 * 8 * 64
    up = 9 * (8 + 4) * 4 * 256
    assert UNet(16, 16, (4, 8), 3).flops == 2 * (down + up + 4 * 256)
