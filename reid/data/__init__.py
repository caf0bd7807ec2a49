"""Data sets of tracklets with known people: read, checked, packed, sampled.

records          what a data set is: tracklets with names of pictures, query and gallery, a source of the pictures
catalogue        the way in: a data set by its name and place
  entries        what is known of each: layout, published counts, where it is had
  finding        where one lies, and what lies there instead
  reading        what a reader returns; the readers:
    mars, mars_layout, dukemtmc, folder with folder_table, and ilids and prid with two_cameras and splits
  listing        names in folders of images
checking         whether a data set is whole
images           pictures in files, and broken ones
packed, packing  all pictures of a data set in one file
synthetic        made-up people
sampler, augmentation, training_clips, clip_reading, shared_rooms    from tracklets to batches for training
held_out         people of the training set who are not trained on
read_ahead       pictures of many tracklets for a test
"""
