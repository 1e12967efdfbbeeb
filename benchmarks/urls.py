"""The product's URLs and a minimal DRF view, for comparison."""

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from rally.urls import urlpatterns as product


class Bare(APIView):
    authentication_classes = permission_classes = throttle_classes = ()

    def get(self, request):
        return Response({"ok": True})


urlpatterns = [path("bare", Bare.as_view()), *product]
