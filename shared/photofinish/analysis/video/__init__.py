"""Videos: decoded in a confined process, cut into scenes, and the people in them followed.

`VideoAnalyzer` (`video_analyzer.py`) is what others use. In the confined process (`video_program.py`) run the parsers
of headers (`iso_videos.py`, `matroska_videos.py`) and `video_reader.py`, which has frames decoded by OpenCV's FFmpeg;
on this side `video_process.py` serves it ranges of the file.
"""
