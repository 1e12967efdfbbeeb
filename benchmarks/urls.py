"""The product's routes, and what the smallest DRF view costs on the same server."""

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from rally.urls import urlpatterns as product


class Bare(APIView):
    authentication_classes = permission_classes = throttle_classes = ()

    def get(self, request):
        return Response({"ok": True})


urlpatterns = [path("bare", Bare.as_view()), *product]
