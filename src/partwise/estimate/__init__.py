"""What a run of `align` will take, before anything of it is made: tokens, memory, hours and dollars."""
