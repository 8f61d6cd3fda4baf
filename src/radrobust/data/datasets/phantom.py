"""Synthetic radiographs of long bones with exact fracture masks.

Every film is drawn from a *scene* (limb, bones, hardware, exposure, collimation, and one
potential fracture) and a *label* that says whether that fracture has happened. The two come from
separate random streams, so that all but the fracture is distributed identically in both classes.

The picture follows the physics of projection radiography:

* Attenuation obeys Beer-Lambert: the primary beam is ``exp(-sum(mu_i * l_i))`` for path lengths
  ``l_i`` in cm. Linear attenuation coefficients are for 60 keV photons, from the mass attenuation
  coefficients and densities of Hubbell and Seltzer, NIST Standard Reference Database 126.
* Bones are tubes of elliptic section, a cortical shell around marrow, flared towards the joint.
  The path through the shell is longest at its inner edge, hence the bright rims on a film.
* Scatter is the primary beam spread widely (Barnes, RadioGraphics 11:307, 1991, gives
  scatter-to-primary ratios below about one for extremities), focal spot and detector blur the
  image, and the photon count has Poisson variance (here by its normal approximation).
* The display is logarithmic, windowed on the limb, bone bright, and black outside the
  collimated field, as a digital detector shows it.

A fracture severs a tube along a jagged oblique surface. The part away from the joint is shifted
and angulated as a rigid body, and pulled off (a dark gap) or driven past the other (a bright
overlap), in shares that leave the mean brightness about the break nearly the same; an incomplete
fracture opens as a wedge from one cortex. Nutrient canals, growth plates, joints, crossing bones,
plates, pins and side markers distract in both classes.

Lengths are in pixels of `PIXEL_CM` unless they are said to be in cm; angles are in radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Phantom", "draw", "draw_label"]

PIXEL_CM = 0.04
"""Side of a detector pixel in cm: 256 pixels span about 10 cm, a child's forearm or leg."""

MU_FAT = 0.188
MU_MUSCLE = 0.217
MU_MARROW = 0.200
MU_CORTEX = 0.604
MU_TITANIUM = 3.45
"""Linear attenuation coefficients in 1/cm at 60 keV (NIST SRD 126, density times mu/rho)."""

MARKER_ATTENUATION = 2.5
"""Optical depth of a side marker, a thin lead letter on a plastic carrier."""

Image = NDArray[np.floating[Any]]
"""One value per pixel, float32 throughout for speed (numpy's stubs can't tell that it stays so)."""

GLYPHS = {
    "L": ("X....", "X....", "X....", "X....", "X....", "X....", "XXXXX"),
    "R": ("XXXX.", "X...X", "X...X", "XXXX.", "X.X..", "X..X.", "X...X"),
}


@dataclass(frozen=True)
class Phantom:
    """One synthetic radiograph.

    Attributes
    ----------
    image
        H x W grey values, 0 to 255, bone bright. The long side has 240 to 272 pixels.
    mask
        H x W, true on the break and a few pixels around it; all false where `label` is 0.
    label
        1 for a fracture, 0 for none.
    attributes
        Subgroup columns: ``region`` (one bone, two bones, crossing bones), ``hardware``,
        ``growth_plate`` and ``joint`` (yes, no), ``exposure`` (low, normal) and ``subtlety``
        (plain, subtle, and empty without a fracture).
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    label: int
    attributes: dict[str, str]


@dataclass(frozen=True)
class Film:
    """The detector: its size in pixels and the direction of its long side."""

    height: int
    width: int

    @property
    def axis(self) -> float:
        """Angle of the long side, 0 along a row and pi/2 along a column."""
        return math.pi / 2 if self.height > self.width else 0.0


@dataclass(frozen=True)
class Limb:
    """Soft tissue: an elliptic cylinder of muscle in a sheath of fat."""

    x: float
    y: float
    angle: float
    half_width: float
    fat: float
    taper: float
    depth: float  # thickness along the beam, as a share of the width

    @property
    def thickness_cm(self) -> float:
        """Path of the central ray through the limb."""
        return 2 * self.half_width * self.depth * PIXEL_CM


@dataclass(frozen=True)
class Bone:
    """A tubular bone whose axis coordinate grows towards a joint at `end`."""

    x: float
    y: float
    angle: float
    bow: float  # curvature of the axis, 1/pixel
    radius: float
    cortex: float  # thickness of the shell
    flare: float  # widening at the joint, as a share of the radius
    end: float
    trabeculae: float  # share of the marrow near the joint that is bone
    growth_plate: float | None  # its place along the axis
    canal: float | None  # where the nutrient canal enters the cortex
    canal_side: float


@dataclass(frozen=True)
class Fracture:
    """A break across one bone, at `position` along its axis.

    The fragments are `gap` apart, or override each other where it is negative. `depth` is the
    share of the bone's width that is broken; above 1 the break is complete.
    """

    bone: int
    position: float
    obliquity: float
    jags: tuple[float, ...]  # the surface's offset along the axis, from edge to edge
    gap: float
    shift: float
    angulation: float
    depth: float
    side: float
    subtle: bool


@dataclass(frozen=True)
class Hardware:
    """A plate with screws, or a pin, in titanium and fixed to the first bone."""

    pin: bool
    position: float
    length: float
    side: float
    screws: int


@dataclass(frozen=True)
class Marker:
    """A lead letter near a corner of the film."""

    glyph: str
    x: float
    y: float
    angle: float
    size: float  # height of the letter


@dataclass(frozen=True)
class Exposure:
    """How the beam becomes grey values."""

    photons: float  # per pixel of the open beam
    blur: float
    scatter: float  # scatter-to-primary ratio
    window_low: float  # optical depth shown black, as a share of the limb's
    window_width: float  # optical depth from the limb's to white
    gamma: float


@dataclass(frozen=True)
class Collimation:
    """Half extents of the exposed rectangle as shares of the film, and its rotation."""

    half_width: float
    half_height: float
    angle: float


@dataclass(frozen=True)
class Scene:
    """All there is on a film, and the fracture that may or may not have happened."""

    film: Film
    limb: Limb
    bones: tuple[Bone, ...]
    region: str
    fracture: Fracture
    hardware: Hardware | None
    marker: Marker | None
    exposure: Exposure
    collimation: Collimation
    has_joint: bool


def draw(seed: int, index: int, prevalence: float = 0.4) -> Phantom:
    """Draw one radiograph, a pure function of its arguments.

    Parameters
    ----------
    seed
        Names the dataset, 0 or more.
    index
        Names the film within it, 0 or more. Films may be drawn in any order or process.
    prevalence
        Probability of a fracture, 0 to 1. The scene doesn't depend on it.

    Returns
    -------
    Phantom
        The film, its fracture mask, label and subgroup attributes.
    """
    label = draw_label(seed, index, prevalence)
    _, scene_stream, noise_stream = np.random.SeedSequence((seed, index)).spawn(3)
    scene = _sample_scene(np.random.default_rng(scene_stream))
    return _expose(scene, label, np.random.default_rng(noise_stream))


def draw_label(seed: int, index: int, prevalence: float) -> int:
    """Return 1 if the film that `draw` draws has a fracture, else 0, without drawing it."""
    if not 0.0 <= prevalence <= 1.0:
        raise ValueError(f"prevalence must lie in [0, 1], not {prevalence}")
    label_stream = np.random.SeedSequence((seed, index)).spawn(1)[0]
    return int(np.random.default_rng(label_stream).random() < prevalence)


def _expose(scene: Scene, label: int, noise: np.random.Generator) -> Phantom:
    """Take the film of a scene, with its fracture if the label is 1."""
    y, x = np.meshgrid(
        np.arange(scene.film.height, dtype=np.float32),
        np.arange(scene.film.width, dtype=np.float32),
        indexing="ij",
    )
    fracture = scene.fracture if label else None
    field = _collimated_field(scene, x, y)
    optical_depth = _limb_attenuation(scene.limb, x, y, noise)
    mask = np.zeros(x.shape, dtype=np.bool_)
    for number, bone in enumerate(scene.bones):
        hardware = scene.hardware if number == 0 else None
        if fracture is not None and fracture.bone == number:
            attenuation, mask = _broken_attenuation(bone, hardware, fracture, x, y)
            optical_depth += attenuation
        else:
            optical_depth += _bone_attenuation(bone, hardware, *_bone_coordinates(bone, x, y))
    if scene.marker is not None:
        optical_depth += _marker_attenuation(scene.marker, x, y)
    image = _develop(optical_depth, field, scene, noise)
    return Phantom(image, mask & (field > 0.5), label, _attributes(scene, label))


def _attributes(scene: Scene, label: int) -> dict[str, str]:
    """Subgroup columns of a film; none but the subtlety depends on the label."""
    subtlety = "subtle" if scene.fracture.subtle else "plain"
    return {
        "region": scene.region,
        "hardware": _yes_no(scene.hardware is not None),
        "growth_plate": _yes_no(any(bone.growth_plate is not None for bone in scene.bones)),
        "joint": _yes_no(scene.has_joint),
        "exposure": "low" if scene.exposure.photons < LOW_EXPOSURE else "normal",
        "subtlety": subtlety if label else "",
    }


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


# --- Sampling the scene ---------------------------------------------------------------------

LOW_EXPOSURE = 4000.0
"""Photons per pixel of the open beam below which a film counts as underexposed."""


def _sample_scene(rng: np.random.Generator) -> Scene:
    film = _sample_film(rng)
    limb = _sample_limb(rng, film)
    bones, region = _sample_bones(rng, limb)
    fracture = _sample_fracture(rng, bones)
    hardware = _sample_hardware(rng, fracture) if rng.random() < 0.25 else None
    has_joint = bool(rng.random() < 0.3)
    if has_joint:
        bones = (*bones, _opposing_bone(bones[0], space=rng.uniform(5.0, 8.0)))
    return Scene(
        film=film,
        limb=limb,
        bones=bones,
        region=region,
        fracture=fracture,
        hardware=hardware,
        marker=_sample_marker(rng, film) if rng.random() < 0.5 else None,
        exposure=_sample_exposure(rng),
        collimation=_sample_collimation(rng),
        has_joint=has_joint,
    )


def _sample_film(rng: np.random.Generator) -> Film:
    long = int(rng.integers(240, 273))
    short = int(long * rng.uniform(0.65, 1.0))
    return Film(long, short) if rng.random() < 0.5 else Film(short, long)


def _sample_limb(rng: np.random.Generator, film: Film) -> Limb:
    flip = math.pi if rng.random() < 0.5 else 0.0
    return Limb(
        x=film.width / 2 + rng.uniform(-10.0, 10.0),
        y=film.height / 2 + rng.uniform(-10.0, 10.0),
        angle=film.axis + flip + rng.uniform(-0.15, 0.15),
        half_width=rng.uniform(80.0, 100.0),
        fat=rng.uniform(6.0, 14.0),
        taper=rng.uniform(-0.12, 0.12),
        depth=rng.uniform(0.75, 1.0),
    )


def _sample_bones(rng: np.random.Generator, limb: Limb) -> tuple[tuple[Bone, ...], str]:
    """One stout bone, or two slender ones that run side by side or cross."""
    if rng.random() < 0.6:
        offset = rng.uniform(-8.0, 8.0)
        return (_sample_bone(rng, limb, offset, radius=rng.uniform(32.0, 42.0)),), "one bone"
    radii = rng.uniform(22.0, 27.0), rng.uniform(19.0, 23.0)
    half = 0.5 * (radii[0] + radii[1]) + rng.uniform(6.0, 11.0)
    side = _sign(rng)
    first = _sample_bone(rng, limb, side * half, radii[0])
    second = _sample_bone(rng, limb, -side * half, radii[1])
    if rng.random() < 0.2:
        tilt = _sign(rng) * rng.uniform(0.15, 0.3)
        return (first, replace(second, angle=second.angle + tilt)), "crossing bones"
    return (first, second), "two bones"


def _sample_bone(rng: np.random.Generator, limb: Limb, offset: float, radius: float) -> Bone:
    end = rng.uniform(100.0, 135.0)
    grows = rng.random() < 0.2
    has_canal = rng.random() < 0.33
    return Bone(
        x=limb.x - offset * math.sin(limb.angle),
        y=limb.y + offset * math.cos(limb.angle),
        angle=limb.angle + rng.uniform(-0.05, 0.05),
        bow=rng.uniform(-5e-4, 5e-4),
        radius=radius,
        cortex=radius * rng.uniform(0.3, 0.4),
        flare=rng.uniform(0.25, 0.5),
        end=end,
        trabeculae=rng.uniform(0.2, 0.35),
        growth_plate=end - rng.uniform(22.0, 30.0) if grows else None,
        canal=rng.uniform(-70.0, 20.0) if has_canal else None,
        canal_side=_sign(rng),
    )


def _opposing_bone(bone: Bone, space: float) -> Bone:
    """Place the bone across the joint: the same axis run the other way."""
    return replace(
        bone,
        angle=bone.angle + math.pi,
        bow=-bone.bow,
        end=-bone.end - space,
        growth_plate=None,
        canal=None,
    )


def _sample_fracture(rng: np.random.Generator, bones: tuple[Bone, ...]) -> Fracture:
    number = int(rng.integers(len(bones)))
    radius = bones[number].radius
    subtle = bool(rng.random() < 0.25)
    overrides = not subtle and rng.random() < 0.4
    common = Fracture(
        bone=number,
        position=rng.uniform(-65.0, 45.0),
        obliquity=rng.uniform(-0.4, 0.4),
        jags=tuple(rng.normal(0.0, rng.uniform(0.5, 3.0), size=int(rng.integers(6, 14)))),
        gap=rng.uniform(-22.0, -14.0) if overrides else rng.uniform(13.0, 20.0),
        shift=_sign(rng) * radius * rng.uniform(0.3, 0.9),
        angulation=_sign(rng) * rng.uniform(0.08, 0.25),
        depth=2.0,
        side=_sign(rng),
        subtle=subtle,
    )
    if not subtle:
        return common
    return replace(
        common,
        gap=rng.uniform(8.0, 12.0),
        shift=0.25 * common.shift,
        angulation=0.3 * common.angulation,
        depth=rng.uniform(0.7, 1.3),
    )


def _sample_hardware(rng: np.random.Generator, fracture: Fracture) -> Hardware:
    """Hardware beside the fracture's place, so that it never holds or hides the fracture."""
    length = rng.uniform(45.0, 75.0)
    clearance = rng.uniform(28.0, 38.0)
    return Hardware(
        pin=bool(rng.random() < 0.4),
        position=fracture.position + _sign(rng) * (clearance + length / 2),
        length=length,
        side=_sign(rng),
        screws=int(rng.integers(3, 6)),
    )


def _sample_marker(rng: np.random.Generator, film: Film) -> Marker:
    return Marker(
        glyph="L" if rng.random() < 0.5 else "R",
        x=film.width * (0.5 + _sign(rng) * rng.uniform(0.32, 0.38)),
        y=film.height * (0.5 + _sign(rng) * rng.uniform(0.32, 0.38)),
        angle=rng.uniform(-0.3, 0.3),
        size=rng.uniform(14.0, 20.0),
    )


def _sample_exposure(rng: np.random.Generator) -> Exposure:
    return Exposure(
        photons=math.exp(rng.uniform(math.log(2500.0), math.log(20000.0))),
        blur=rng.uniform(0.7, 1.3),
        scatter=rng.uniform(0.1, 0.4),
        window_low=rng.uniform(0.5, 0.7),
        window_width=rng.uniform(0.55, 0.75),
        gamma=rng.uniform(0.9, 1.1),
    )


def _sample_collimation(rng: np.random.Generator) -> Collimation:
    return Collimation(
        half_width=rng.uniform(0.43, 0.52),
        half_height=rng.uniform(0.43, 0.52),
        angle=rng.uniform(-0.04, 0.04),
    )


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


# --- Attenuation ----------------------------------------------------------------------------


def _rotated(x: Image, y: Image, origin: tuple[float, float], angle: float) -> tuple[Image, Image]:
    """Coordinates about an origin, along and across a direction."""
    cos, sin = math.cos(angle), math.sin(angle)
    dx, dy = x - origin[0], y - origin[1]
    return dx * cos + dy * sin, dy * cos - dx * sin


def _clipped(value: Image) -> Image:
    """Linear step, 0 up to 0 and 1 from 1."""
    share: Image = np.minimum(np.maximum(value, 0.0), 1.0)
    return share


def _smooth_step(value: Image) -> Image:
    """Hermite step, 0 up to 0 and 1 from 1."""
    clipped = _clipped(value)
    return clipped * clipped * (3.0 - 2.0 * clipped)


def _chord_cm(radius: Image | float, across: Image) -> Image:
    """Path in cm through a round tube, at a distance from its axis."""
    inside = np.maximum(radius, 0.0) ** 2 - across * across
    chord: Image = (2.0 * PIXEL_CM) * np.sqrt(np.maximum(inside, 0.0))
    return chord


def _limb_attenuation(limb: Limb, x: Image, y: Image, noise: np.random.Generator) -> Image:
    along, across = _rotated(x, y, (limb.x, limb.y), limb.angle)
    width = limb.half_width * (1.0 + limb.taper * along / 128.0)
    muscle = _chord_cm(width - limb.fat, across) * limb.depth
    fat = _chord_cm(width, across) * limb.depth - muscle
    return MU_FAT * fat + MU_MUSCLE * muscle * _muscle_texture(x.shape, noise)


def _muscle_texture(shape: tuple[int, ...], noise: np.random.Generator) -> Image:
    """Smooth relative thickness of muscle, about 1."""
    coarse = noise.normal(1.0, 0.09, size=(8, 8)).astype(np.float32)
    return _resized(coarse, shape)


def _resized(coarse: Image, shape: tuple[int, ...]) -> Image:
    zoom = [to / size for to, size in zip(shape, coarse.shape, strict=True)]
    fine: Image = ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)
    return fine


def _bone_coordinates(bone: Bone, x: Image, y: Image) -> tuple[Image, Image]:
    """Coordinates along and across the bowed axis of a bone."""
    along, across = _rotated(x, y, (bone.x, bone.y), bone.angle)
    return along, across - bone.bow * along * along


def _outer_radius(bone: Bone, along: Image) -> Image:
    """Radius of the bone: a shaft that flares to a blunt end."""
    metaphysis = _smooth_step((along - (bone.end - 3.0 * bone.radius)) / (2.5 * bone.radius))
    cap = _clipped((along - bone.end) / (0.6 * bone.radius) + 1.0)
    radius: Image = bone.radius * (1.0 + bone.flare * metaphysis) * np.sqrt(1.0 - cap**4)
    return radius


def _bone_attenuation(bone: Bone, hardware: Hardware | None, along: Image, across: Image) -> Image:
    """Optical depth that a whole bone, and hardware on it, adds to the limb's."""
    outer_radius = _outer_radius(bone, along)
    near_joint = _smooth_step((along - (bone.end - 3.0 * bone.radius)) / (2.5 * bone.radius))
    outer = _chord_cm(outer_radius, across)
    marrow = _chord_cm(outer_radius - bone.cortex * (1.0 - 0.7 * near_joint), across)
    cortex = outer - marrow
    if bone.canal is not None:
        cortex *= _canal_lucency(bone, bone.canal, along, across, outer_radius)
    trabeculae = bone.trabeculae * (0.5 + 0.5 * near_joint)
    # The bone takes the place of muscle, so only its excess over muscle counts.
    excess: Image = (MU_CORTEX - MU_MUSCLE) * (cortex + trabeculae * marrow)
    excess += (MU_MARROW - MU_MUSCLE) * (1.0 - trabeculae) * marrow
    if bone.growth_plate is not None:
        excess *= _growth_plate_density(bone, bone.growth_plate, along, across)
    if hardware is not None:
        excess += _hardware_attenuation(hardware, bone, along, across)
    return excess


def _canal_lucency(
    bone: Bone, entry: float, along: Image, across: Image, outer_radius: Image
) -> Image:
    """Share of cortex left by a nutrient canal: a thin oblique line through one cortex."""
    slope = 0.35
    depth = slope * (along - entry)
    line = across * bone.canal_side - (outer_radius - depth)
    inside = _clipped(depth) * _clipped(bone.cortex - depth)
    share: Image = 1.0 - 0.6 * inside * np.exp(-((line / 1.2) ** 2))
    return share


def _growth_plate_density(bone: Bone, position: float, along: Image, across: Image) -> Image:
    """Relative density about a growth plate: a lucent band between two sclerotic margins."""
    wave = 1.5 * np.sin(across * (2.5 / bone.radius))
    distance = (along - position - wave) / 2.2
    lucent = np.exp(-(distance**2))
    sclerotic = np.exp(-((np.abs(distance) - 2.2) ** 2))
    density: Image = 1.0 - 0.6 * lucent + 0.35 * sclerotic
    return density


def _hardware_attenuation(hardware: Hardware, bone: Bone, along: Image, across: Image) -> Image:
    along = along - hardware.position
    across = across * hardware.side
    if hardware.pin:
        return _rod(_rotated(along, across, (0.0, 0.0), 0.5), hardware.length, radius=1.6)
    edge = bone.radius + 2.5
    plate = _rod((along, across - edge), hardware.length, radius=3.0)
    pitch = hardware.length / hardware.screws
    nearest: Image = np.mod(along, pitch) - 0.5 * pitch
    screws = _rod((across - 0.2 * bone.radius, nearest), 1.8 * bone.radius, radius=1.8)
    screws[np.abs(along) > hardware.length / 2] = 0.0
    return plate + screws


def _rod(coordinates: tuple[Image, Image], length: float, radius: float) -> Image:
    """Optical depth of a round metal rod centred on the origin."""
    along, across = coordinates
    ends = _clipped(0.5 * length - np.abs(along) + 0.5)
    attenuation: Image = MU_TITANIUM * ends * _chord_cm(radius, across)
    return attenuation


def _marker_attenuation(marker: Marker, x: Image, y: Image) -> Image:
    along, down = _rotated(x, y, (marker.x, marker.y), marker.angle)
    glyph = np.array([[cell == "X" for cell in row] for row in GLYPHS[marker.glyph]])
    letter = np.pad(glyph.astype(np.float32), 1)
    stroke = marker.size / glyph.shape[0]
    rows = down / stroke + (letter.shape[0] - 1) / 2
    columns = along / stroke + (letter.shape[1] - 1) / 2
    shadow: Image = ndimage.map_coordinates(letter, (rows, columns), order=0)
    return MARKER_ATTENUATION * shadow


# --- The fracture ---------------------------------------------------------------------------


def _broken_attenuation(
    bone: Bone, hardware: Hardware | None, fracture: Fracture, x: Image, y: Image
) -> tuple[Image, NDArray[np.bool_]]:
    """Optical depth of a broken bone, and where the break is seen."""
    attenuation: Image = np.zeros_like(x)
    mask = np.zeros(x.shape, dtype=np.bool_)
    for side in (1.0, -1.0):
        if side < 0:
            x, y = _undisplaced(bone, fracture, x, y)
        along, across = _bone_coordinates(bone, x, y)
        distance = _distance_from_break(bone, fracture, along, across)
        half_gap = 0.5 * fracture.gap * _opening(bone, fracture, across)
        share = _clipped(side * distance - half_gap + 0.5)
        attenuation += share * _bone_attenuation(bone, hardware, along, across)
        near = np.abs(distance) <= np.abs(half_gap) + 2.0
        mask |= near & (half_gap != 0) & (np.abs(across) <= _outer_radius(bone, along) + 2.0)
    return attenuation, mask


def _undisplaced(bone: Bone, fracture: Fracture, x: Image, y: Image) -> tuple[Image, Image]:
    """Where each point lay before the fragment away from the joint was displaced."""
    cos, sin = math.cos(bone.angle), math.sin(bone.angle)
    bowed = bone.bow * fracture.position**2
    pivot_x = bone.x + fracture.position * cos - bowed * sin
    pivot_y = bone.y + fracture.position * sin + bowed * cos
    moved = pivot_x - fracture.shift * sin, pivot_y + fracture.shift * cos
    dx, dy = _rotated(x, y, moved, fracture.angulation)
    return dx + pivot_x, dy + pivot_y


def _distance_from_break(bone: Bone, fracture: Fracture, along: Image, across: Image) -> Image:
    """Signed distance along the axis from the jagged oblique surface of the break."""
    knots = np.linspace(-bone.radius, bone.radius, len(fracture.jags))
    jags = np.interp(across, knots, fracture.jags).astype(np.float32)
    return along - fracture.position - math.tan(fracture.obliquity) * across - jags


def _opening(bone: Bone, fracture: Fracture, across: Image) -> Image:
    """How far the break is open, 0 to 1; an incomplete one is a wedge from one cortex."""
    reached = 0.5 + 0.5 * fracture.side * across / bone.radius
    return _clipped(2.0 * (fracture.depth - reached))


# --- From the beam to grey values -----------------------------------------------------------


def _collimated_field(scene: Scene, x: Image, y: Image) -> Image:
    """1 inside the collimated field, 0 outside, with a penumbra of some pixels."""
    film, collimation = scene.film, scene.collimation
    centre = film.width / 2, film.height / 2
    right, down = _rotated(x, y, centre, collimation.angle)
    margin: Image = np.minimum(
        collimation.half_width * film.width - np.abs(right),
        collimation.half_height * film.height - np.abs(down),
    )
    return _smooth_step(0.5 + margin / 3.0)


def _develop(
    optical_depth: Image, field: Image, scene: Scene, noise: np.random.Generator
) -> NDArray[np.uint8]:
    """Grey values of the detected beam, windowed on the limb."""
    exposure = scene.exposure
    primary = np.exp(-optical_depth)
    signal = ndimage.gaussian_filter(primary, exposure.blur, truncate=2.5)
    signal += exposure.scatter * _scatter(primary * field)
    signal += np.sqrt(signal / exposure.photons) * noise.standard_normal(
        signal.shape, dtype=np.float32
    )
    floor = 1.0 / exposure.photons
    limb = MU_MUSCLE * scene.limb.thickness_cm
    low, high = exposure.window_low * limb, limb + exposure.window_width
    depth = -np.log(np.maximum(signal, floor) / (1.0 + exposure.scatter))
    shown = _clipped((depth - low) / (high - low)) ** exposure.gamma
    grey: NDArray[np.uint8] = np.rint(255.0 * shown * field).astype(np.uint8)
    return grey


def _scatter(primary: Image) -> Image:
    """Spread the primary beam by about 1 cm, on a coarse grid as the result has no detail."""
    step = 8
    coarse = ndimage.uniform_filter(primary, step)[::step, ::step]
    return _resized(ndimage.gaussian_filter(coarse, 3.0), primary.shape)
