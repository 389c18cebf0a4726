"""Lists of images to forget, as papers and benchmarks store them: read, then found in the data.

`read` opens a file and hands it to `text` or `arrays`, `chosen` picks the key or the column, `positions` and `names`
find the images.
"""
