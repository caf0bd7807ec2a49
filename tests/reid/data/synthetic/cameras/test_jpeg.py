"""What JPEG loses, against a real encoder."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from reid.data.synthetic.cameras.jpeg import _transforms, compressed
from reid.data.synthetic.cameras.resampling import resampled
from reid.data.synthetic.cameras.ycc import RGB_TO_YCC, halved, to_rgb, weighted


def _picture(height_px: int, width_px: int) -> np.ndarray:
    """(H, W, 3) uint8 with smooth light, edges, colours and some grain."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height_px, :width_px]
    picture = np.stack([90 + 0.8 * y + 20 * np.sin(x / 5), 60 + 1.1 * x, 200 - 0.9 * y], axis=2)
    picture[height_px // 3 : height_px // 2, width_px // 4 : width_px // 2] = (200, 30, 40)
    picture[height_px // 2 :, : width_px // 3] = (15, 15, 25)
    return np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def _through_ours(rgb: torch.Tensor, quality: np.ndarray, halve_colour: bool = True) -> torch.Tensor:
    """Save pictures (M, 3, H, W) uint8 as JPEG and load them again, as cameras do."""
    height_px, width_px = rgb.shape[2:]
    levels = rgb.to(torch.float32)
    weights = torch.tensor(RGB_TO_YCC, device=rgb.device)
    coloured = halved(levels) if halve_colour else levels
    luma = weighted(levels, weights[:1])
    chroma = torch.stack([weighted(coloured, weights[1:2]), weighted(coloured, weights[2:])], dim=1)
    luma, chroma = compressed(luma, chroma, quality)
    if halve_colour:
        chroma = resampled(chroma, (height_px + height_px % 2, width_px + width_px % 2))
    return to_rgb(luma, chroma[..., :height_px, :width_px])


def _through_encoder(picture: np.ndarray, quality: int, subsampling: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(buffer), dtype=np.float64)


def _psnr_db(left: np.ndarray, right: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((left.astype(np.float64) - right) ** 2))


def _batch(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


@pytest.mark.parametrize("halve_colour", [True, False])
@pytest.mark.parametrize("quality", [10, 30, 50, 75, 90, 100])
@pytest.mark.parametrize("size_hw", [(128, 64), (61, 45)])
def test_looks_like_a_real_encoders(size_hw: tuple[int, int], quality: int, halve_colour: bool) -> None:
    picture = _picture(*size_hw)
    real = _through_encoder(picture, quality, 2 if halve_colour else 0)
    ours = _through_ours(_batch(picture), np.array([quality]), halve_colour)[0].permute(1, 2, 0).numpy()
    # Closer to the encoder's than the encoder's is to the original (50 dB is rounding), and with as much lost.
    assert _psnr_db(ours, real) > max(40.0, min(50.0, _psnr_db(picture, real) + 3))
    assert abs(_psnr_db(ours, picture) - _psnr_db(real, picture)) < 1.0
    assert np.abs(ours.mean(axis=(0, 1)) - real.mean(axis=(0, 1))).max() < 1.5


def test_a_flat_block_by_hand() -> None:
    # 100 less 128 is -28; the first coefficient is 8 times that, -224; quality 50 has steps of 16: -14 of them.
    luma, chroma = compressed(torch.full((1, 8, 8), 100.0), torch.full((1, 2, 8, 8), 10.0), np.array([50]))
    assert torch.equal(luma, torch.full((1, 8, 8), 100.0))
    # 8 times 10 is 80, in steps of 17: 5 of them are 85, an eighth of which is 10.625.
    assert torch.equal(chroma, torch.full((1, 2, 8, 8), 10.625))


def test_sums_are_exact() -> None:
    rng = np.random.default_rng(1)
    forward, inverse = _transforms(torch.device("cpu"))
    pixels = rng.integers(-128, 128, size=(500, 64))
    pixels[:64] = np.where(forward.T.numpy() > 0, 127, -128)  # what makes each sum the largest
    coefficients = pixels @ forward.double().numpy()
    assert np.array_equal((torch.from_numpy(pixels).float() @ forward).double().numpy(), coefficients)
    for step in (1, 16, 120, 255):
        rounded = np.round(coefficients / step) * step
        exact = rounded @ inverse.double().numpy()
        assert np.array_equal((torch.from_numpy(rounded).float() @ inverse).double().numpy(), exact)


def test_alone_and_in_a_batch_to_the_bit() -> None:
    rng = np.random.default_rng(2)
    pictures = torch.from_numpy(rng.integers(0, 256, size=(13, 3, 40, 24), dtype=np.uint8))
    quality = rng.integers(5, 100, size=13)
    together = _through_ours(pictures, quality)
    for row in range(13):
        assert torch.equal(_through_ours(pictures[row : row + 1], quality[row : row + 1])[0], together[row])
