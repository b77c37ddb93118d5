from pipeline.standalone import main

main("enhance_audio")
