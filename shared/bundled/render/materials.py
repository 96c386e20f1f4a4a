"""Which textures stand for which material, drawn and photographed."""

from __future__ import annotations

PHOTO_SHARE = 0.7
PHOTOGRAPHED: dict[str, tuple[str, ...]] = {
    "plaster": ("Plaster", "Concrete", "Paint", "Clay", "Concrete"),
    "clouds": ("Ground", "Rust", "Metal", "Foil", "Snow"),
    "speckle": ("Granite", "Terrazzo", "Cork", "Asphalt", "Gravel", "Rubber"),
    "wood": ("Wood", "Planks", "WoodFloor", "Bamboo", "Chipboard"),
    "marble": ("Marble", "Onyx", "Travertine", "Porcelain"),
    "stripes": ("Fabric", "Wallpaper", "WoodSiding", "CorrugatedSteel"),
    "checks": ("Tiles", "Tatami", "Fabric"),
    "tiles": ("Tiles", "PavingStones", "Bricks", "Terrazzo", "OfficeCeiling"),
    "weave": ("Fabric", "Carpet", "Tatami", "Fabric"),
    "foliage": ("Moss", "Grass", "ScatteredLeaves"),
    "asphalt": ("Asphalt", "Road", "Concrete", "Asphalt"),
    "paving": ("PavingStones", "Tiles", "Bricks", "Concrete"),
    "gravel": ("Gravel", "Rocks", "Ground", "WoodChips"),
    "grass": ("Grass", "Moss", "ScatteredLeaves", "Ground"),
    "ground": ("Ground", "Gravel", "ScatteredLeaves", "Grass"),
    "snow": ("Snow",),
    "rock": ("Rock", "Rocks", "Ground"),
    "bark": ("Bark", "Logs"),
    "leaf": ("Moss", "Grass", "ScatteredLeaves"),
    "sand": ("Gravel", "Ground", "Concrete"),
    "render": ("Plaster", "Concrete", "Paint", "Plaster"),
    "timber": ("Planks", "WoodSiding", "Wood", "Planks"),
    "bricks": ("Bricks", "Bricks", "Concrete", "Plaster"),
    "roof": ("RoofingTiles", "ThatchedRoof", "SolarPanel"),
    "metal": ("Metal", "CorrugatedSteel", "DiamondPlate", "Rust"),
    "fabric": ("Fabric", "Carpet"),
    "cardboard": ("Cardboard", "Paper", "Chipboard"),
    "concrete": ("Concrete", "Plaster", "Asphalt"),
}
"""Kinds of photographs for each group of textures."""
STAND_INS = {
    "asphalt": "speckle", "paving": "tiles", "gravel": "speckle", "grass": "foliage", "ground": "clouds",
    "snow": "plaster", "rock": "clouds", "bark": "wood", "leaf": "foliage", "sand": "plaster",
    "render": "plaster", "timber": "wood", "bricks": "tiles", "roof": "tiles", "metal": "clouds",
    "fabric": "weave", "cardboard": "plaster", "concrete": "plaster",
}  # fmt: skip
"""What is drawn where there are no photographs."""
COMMON = (
    *("plain", "plain", "plain", "plaster", "clouds", "speckle", "wood", "wood"),
    *("marble", "stripes", "checks", "tiles", "weave", "poster"),
)
OWN_HUES = ("poster", "page", "screen", "spines")
FITTED = ("poster", "page", "screen", "spines", "panels", "keys")
