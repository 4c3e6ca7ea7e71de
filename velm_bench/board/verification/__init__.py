"""What is found out about a submission: its answers scored again, compared, reproduced; and what stands in the end."""
