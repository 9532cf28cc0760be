"""What every application shares: the task contract, the commands, the widgets."""
