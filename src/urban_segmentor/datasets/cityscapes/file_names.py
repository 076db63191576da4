"""How the folders, files and archives of Cityscapes are called."""

LABELS, IMAGES = "gtFine", "leftImg8bit"
"""The folders of labels and images."""
POLYGONS_SUFFIX = "_gtFine_polygons.json"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
GROUND_TRUTH = ("labelIds", "instanceIds", "color")
"""Official images of the labels, which lie beside the polygons."""
DEFAULT_PACKAGES = ("gtFine_trainvaltest.zip", "leftImg8bit_trainvaltest.zip")
"""The official archives that have labels and images."""
