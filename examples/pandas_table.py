"""A table of everything found in a video: how many of each class a second."""

import sys

import pandas as pd
from _street import street_video

import urban_segmentor as us

path = sys.argv[1] if len(sys.argv) > 1 else street_video()

segmenter = us.Segmenter("urban-n")
tables = [result.to_dataframe() for result in segmenter.stream(path, stride=5)]
table = pd.concat(tables, ignore_index=True)
print(table.head())

table["second"] = table["time_s"].astype(int)
frames = table.groupby("second")["frame_index"].nunique()
counts = table.pivot_table(index="second", columns="class_name", aggfunc="size", fill_value=0)
print((counts.div(frames, axis=0)).round(1))
