from pipeline.standalone import main

main("isolate_speakers")
