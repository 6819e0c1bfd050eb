"""The judge: interactions that join the evaluation queue are assembled, judged by rubrics, and scored as events."""
