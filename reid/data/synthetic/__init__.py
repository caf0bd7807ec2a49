"""A made-up world of walking people and cameras, whose truth is known exactly.

The world is right-handed and in metres: x and y lie on the ground, z points up, the ground is z = 0. A yaw is counted
from +x towards +y, in radians; a pitch is positive where a camera looks down. A person's own frame has x forward,
y to the left and z up. Images are RGB; inside this package they are float32 in [0, 1] until they are finished.

Letters in shapes: N people or instances of people, M images, C cameras, V vertices, T frames, H, W pixels.
"""
