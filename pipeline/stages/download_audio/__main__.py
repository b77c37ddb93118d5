from pipeline.standalone import main

main("download_audio")
