"""The live desk: one Redis subscription a process, the process's memory, and a slot for each socket."""
