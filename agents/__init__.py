"""The agents, and the worker that is put together of them."""
