"""Child processes: started, heard, bounded and ended, and what the system lets them do."""
