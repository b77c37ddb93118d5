from pipeline.standalone import main

main("build_dataset")
