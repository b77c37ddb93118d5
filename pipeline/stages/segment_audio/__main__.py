from pipeline.standalone import main

main("segment_audio")
