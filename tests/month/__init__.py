"""A month of a city's hazards and appeals, with the ladder judged anew by a counter of minutes."""
