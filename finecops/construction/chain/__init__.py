"""The chain of the construction: stages with rows, the build folder, the export of the finished benchmark."""
